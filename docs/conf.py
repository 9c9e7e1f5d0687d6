"""The documentation as a small site: `make docs`.

Nothing is fetched, neither to build it nor to read it. Sphinx, because it is maintained and will
be: MkDocs 1 and Material for MkDocs, which made this site before, have ended. The pages stay plain
Markdown (MyST), which a forge shows as well.
"""

project = "EduMetrics"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "EduMetrics"
html_static_path = []
exclude_patterns = ["deploy", "connect"]
# Headings are targets of links, three levels deep.
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]
