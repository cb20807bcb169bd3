"""An app that says which container answers."""

import os

from flask import Flask

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def hello():
    return f"Hello, I'm a response from this container => {os.environ['HOSTNAME']}"
