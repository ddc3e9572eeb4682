"""What a wording must not say. A guard is a function; `violations` asks them all. The evaluation reads texts alike.

in order     violations; draft: a reply, read once for all of them
numbers      number_guard: those of the rules only; quantities, spelled_numbers: in digits and in words
slots        slot_guards, limit_words: a value beside its essay, a limit called one
claims       claims, claims.csv: calm, promises, deadlines, directions; phrases: patterns of several words
changes      change_advice: of oil or component; change_words, change_objects, new_material, spoken_changes: how people
             say it; harmless_advice, harmless_words, maintenance_nouns: what else may be done with them;
             demanded_changes: what no sentence may demand; spoken_subjects: whether it speaks of them at all
not advice   foreign_text: instructions, errors, addresses; copied_prompt: sentences of the prompt
reading      language, sentences, essay_names, pairing: what a text is written in, and what it speaks of where
"""
