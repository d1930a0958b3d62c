"""A session's answers as files: what the page shows where there is no server.

`recorder` asks a session what the page would ask of each experiment (`plan` says of which, and
`questions` what) and writes the answers: tensors whole (`tensors`), all else by its question. The
page reads them back in core/record.js.
"""
