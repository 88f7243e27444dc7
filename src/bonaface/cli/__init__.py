"""The command line: one file a command. Heavy imports happen inside a command, so that help is quick."""
