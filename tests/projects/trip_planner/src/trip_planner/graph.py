from langchain.agents import create_agent

from trip_planner.model import PlannerModel
from trip_planner.tools import weather

graph = create_agent(PlannerModel(), [weather], system_prompt="You plan trips.", name="trip_planner")
