from counting import make

graph = make().compile()
