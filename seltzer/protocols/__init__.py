"""How people talk to runs: one protocol a module, each with mount(app, engine, ..)."""
