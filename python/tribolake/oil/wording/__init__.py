"""Recommendations that a language model puts in order: it chooses among vetted phrases, and writes none.

what is asked      pattern, configuration, prompt: ids and bands, with the texts of the ids
what is answered   reply: its schema, and the check of sets and orders
what is kept       wording, segments: an accepted reply, shared through the lake, never changed;
                   copied_segments: the lake's copy; transfer: export and import
who is asked       model, asking, explain, reasons: the endpoint, its deadline and retries; masking: never the key
                   price, budget: what it costs
what is done       enrich: patterns get their replies; waiting: those that have none yet, and when to try again;
                   reports: a run's part of it; reprocess: the replies of a run that is computed again;
                   result: what it all came to
"""
