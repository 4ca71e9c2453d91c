"""The figures of the documents. A module beside this one has a function for each; its name is the figure's."""
