"""The Hong Kong profile: facts as data, in three languages, with source and date on everything.

What it is for: the schemes, systems, organisations and figures of the fact sheet of 20 February
2026, the rule files of the executable schemes, general holidays and purposes of data use. What it
is not for: mechanism (programmes, exchange); another place would be another package like this one.
"""

from lionrock.hongkong.book import decide_json, navigate_json, scheme_book

__all__ = ["decide_json", "navigate_json", "scheme_book"]
