"""The rules of the lint: each file here is one. It has a RULE, and one or more of these functions.

| function | is asked about | how often |
|---|---|---|
| of_templates(sources: Sources) | the files of a template set | once for a campaign |
| of_written_styles(sources: Sources) | the styles in those files; messages show them once more | the same |
| of_style(css: str) | the text of a message's style element | once for each different one |
| of_tag(tag: Tag) | one start tag as it was sent | once for each different one |
| of_words(path: Path) | a tag with words and those around it, without addresses and words | once for each |
| of_message(message: Message) | one person's email with the context that it was made of | for every message |

All return findings; what they say holds nothing of one person. Only of_message must be quick.
"""
