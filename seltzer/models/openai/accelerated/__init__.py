"""The accelerated OpenAI model: the same answers as strict.py's, for a fraction of the work a token.

chat_model.py is the model, completions.py what it asks for a stream. Requests go out by http/. An answer is
read by stream.py (blocking_stream.py in a thread, parsed_stream.py if a form was asked for), frames.py
and text_frames.py, and published by callbacks.py: where it can be, without waking the task that awaits it, by
direct_path.py. stock.py has people's own ChatOpenAIs do so, with the clients of stock_clients.py.
"""

from seltzer.models.openai.accelerated.chat_model import AcceleratedChatOpenAI, accelerated_chat

__all__ = ["AcceleratedChatOpenAI", "accelerated_chat"]
