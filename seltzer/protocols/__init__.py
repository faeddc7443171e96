"""How clients talk to runs: one protocol a module or package, each with PROTOCOL and router(engine, ..)."""
