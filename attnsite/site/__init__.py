"""The site: pages, figures' markup, and what a builder needs to make them."""

import os

# Or nbconvert, which the notebooks' plugin imports, makes one of each exporter there is, for a text of its command's
# help: a quarter of a second of every build. MkDocs imports this package (mkdocs.yml names its fence) before plugins.
os.environ.setdefault("NBCONVERT_DISABLE_CONFIG_EXPORTERS", "1")
