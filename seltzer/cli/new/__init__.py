"""`seltzer new`: the command, and the files it writes (template/).

A template ends in .tmpl, so that nothing imports, checks or collects it here; `dot-` stands for a leading
dot, and {{name}} for the project's name.
"""
