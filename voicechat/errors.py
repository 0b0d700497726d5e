"""The one exception for faults that the user can mend."""


class UserError(Exception):
    """A fault of input or setup, said in one line that names the remedy.

    The command line prints the line and exits with status 2; everything else that is raised is a
    fault of ours and keeps its traceback.
    """
