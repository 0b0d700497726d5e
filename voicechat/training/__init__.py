"""How the bundled checkpoint is made, and how a voice is added."""
