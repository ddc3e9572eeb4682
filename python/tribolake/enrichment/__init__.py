"""Recommendations worded by a language model: it words what the expert rules found, it never finds anything itself.

what is asked      pattern, configuration, prompt: what a wording depends on; no word or number of a laboratory
what is answered   reply, judge, guards: what a reply may be and must not say. A guard is a function; what several of
                   them need has a module: sentences, essay_names, pairing, quantities, claims, change_advice,
                   change_words, foreign_text, language
what is kept       wording, cache, objections: an answer that passed, shared through the lake, never changed
who is asked       model, asking, explain, reasons: the endpoint, its deadline and retries; price, budget: what it costs
                   batch, batch_record: a whole history at once, for half the price
what is done       enrich: patterns get their wordings; waiting: those that have none yet, and when to try again;
                   reports: reports show their wordings; result: what it all came to
"""
