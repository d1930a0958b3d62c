"""Random input for all that reads: files of each format, commands' texts, the page's messages.

    mutation     changes a value that stands for JSON, or bytes, into a hostile neighbour
    running      one command in this process, and what must hold however it ends
    originals    small files of each format, made by the package itself
    loading      files, changed, and the command that reads them
    commands     texts and options
    messages     what a page sends
    certificates what `formal/check.py` is given
    targets      all of them

`test_fuzz` tries each a few times in `make test`; `python -m tests.fuzz --minutes 20` goes on for
as long as it is told, with other inputs each time.
"""
