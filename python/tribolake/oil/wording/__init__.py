"""Recommendations worded by a language model: it words what the expert rules found, it never finds anything itself.

what is asked      pattern, configuration, prompt: what a wording depends on; no word or number of a laboratory
what is answered   reply, judge: what a reply may be; guards: what it must not say
what is kept       wording, segments, objections: an answer that passed, shared through the lake, never changed;
                   segment, copied_segments: in files, and in the lake's copy; transfer: export and import;
                   judge_again: what was taken before the guards became stricter
who is asked       model, asking, explain, reasons: the endpoint, its deadline and retries; masking: never the key
                   price, budget: what it costs
what is done       enrich: patterns get their wordings; waiting: those that have none yet, and when to try again;
                   reports: reports show their wordings; result: what it all came to
"""
