"""Recommendations worded by a language model: it words what the expert rules found, it never finds anything itself.

pattern    what a wording depends on; every sample that the rules see alike shares it
prompt     what the model is asked            reply   what it may answer
guards     what an answer must not say        wording an answer that passed, as it is kept and shared
cache      wordings of a lake                 model   the endpoint, with its deadline, its retries and its price
enrich     patterns without a wording get one, from the cache or from the model
"""
