"""Documents as the chunks a bot answers from: ``kinds`` tells what a file is, one module reads each kind, ``chunks`` cuts.

Whatever comes as a file is read in a process of its own (``isolated`` starts it, ``__main__`` is it): bounded in
memory and time, without secrets, and without the database.
"""
