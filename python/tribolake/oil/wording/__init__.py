"""Recommendations of a language model, which chooses and orders vetted phrases. It writes none.

request     pattern, prompt: ids and bands, with the texts of the ids
reply       reply: its schema, and the check of sets and orders
storage     wording, segment, segments: accepted replies in the lake, which never change
            copied_segments: the lake's copy; transfer: export and import; earlier_releases: old files
endpoint    model, asking, explain, reasons: calls, deadlines and retries; masking: hides the key; price, budget
process     enrich: replies for patterns; waiting: patterns without a reply; reports: a run's part;
            reprocess: the replies of a run that is computed again; result: what came of it
"""
