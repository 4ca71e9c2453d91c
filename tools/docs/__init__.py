"""What the documentation is made with: directives, figures that are drawn while it is built, a check of links."""
