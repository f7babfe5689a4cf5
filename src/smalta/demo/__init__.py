"""The demo: answers at once, then a lesson; and examples of what smalta is for.

    run.run_demo         scenes answered by the model that comes with smalta, then that model learns something new
    example.run_example  one of `examples.EXAMPLES`: a training of seconds and one picture worth looking at

Must not know: command lines.
"""
