"""What may be told about oil and components where no change is allowed: verbs that only look, folded."""

from __future__ import annotations

from tribolake.oil.wording.guards.change_words import HARMLESS, OBJECT, one_of, word_set

# Stems: `revis` is that of `revise` and of `revisar`.
LOOKS = one_of(
    r"(?:revis|verifi[cq]|mid|med|compar|confirm|examin|inspecci?on|vigil|observ|registr|monitor|anali[cz]|muestr"
    r"|remuestr|consult|evalu|determin|identifi[cq]|detect|deten|prueb|prob|contrast|investig|bus[cq]|locali[cz]"
    r"|descart|comprueb|comprob|control|cuantifi|document|anot(?!her)|asegur|pregunt|indag|averig|valid|contact|inform"
    r"|notifi|avis|cort|priori[cz]|estudi|escuch|mir|calcul|etiquet|suspend|impid|impedir|evit|cercior|aclar|comuni"
    r"|supervis|chequ|palp|esper|cotej|disting|corrobor|rotul|aisl)\w*",
    r"paren?|parar|lea[ns]?|leer|ve[ar]n?|fij(?:e|en|ar)(?:se)?",
    r"(?:check|verif|measur|compar|confirm|examin|inspect|watch|observ|record|monitor|analy[sz]|sampl|resampl|review"
    r"|consult|evaluat|determin|identif|detect|test|stop|investigat|look|find|search|ask|quantif|document|note|ensure"
    r"|trac[ek]|validat|contact|inform|notif|report|cut|listen|calculat|label|pressure|rule|assess|prioriti|wait|await"
    r"|establish|distinguish|crosscheck|isolat|corroborat)\w*",
    r"cross|see|read",
)
# Verbs that only say of a noun that it be done: `haga una prueba` looks, `haga un servicio de aceite` does not.
DOES = one_of(
    r"(?:ha[cg]|reali[cz]|efectu|ejecut|program|planifi|pid|ped|solicit|envi|tom|obten|repit|repet|reco[jlg]|sig[au]|segu"
    r"|manten|correg|corrij|ajust|redu[cz]|consider|continu|lleve|complet|prest|recomiend|sugier|encuentr|encontr|coordin)\w*",
    r"(?:do|perform|carry|carrying|take|send|plan|schedule|repeat|request|obtain|collect|draw|make|correct|adjust|reduce"
    r"|conduct|run|arrange|keep|continue|priorit\w+|give|follow|mend|complete|consider|use)",
)
DONE = HARMLESS | word_set(
    "prueba pruebas inspeccion inspecciones medicion mediciones analisis ferrografia revision verificacion ensayo "
    "ensayos seguimiento muestreo remuestreo evaluacion diagnostico control evolucion causa causas entrada ingreso "
    "concentracion precarga dosis fabricante juego caudal ruido consumo desgaste soplado compresion boroscopia "
    "perdidas boroscopio test tests inspection inspections measurement measurements analysis ferrography review check "
    "checks evaluation entry ingress cause causes concentration preload dose noise consumption wear borescope "
    "losses sampling"
)
FIRST = word_set(
    "primero luego despues ademas tambien entonces ahora asimismo igualmente finalmente posteriormente previamente "
    "first then next also afterwards finally please later"
)
JOINS = word_set("y e o u ni and or then luego pero but despues entonces")
DETERMINERS = word_set(
    "el la los las un una unos unas este esta estos estas ese esa todo toda todos todas su sus lo cada cualquier al a "
    "the an any all this that it them its both every"
)
# Words before a noun that are no verbs though they stand where verbs do.
ADJECTIVES = word_set(
    "high low used current visible excessive abnormal external internal old alta baja alto bajo posible posibles gran "
    "entre para sobre desde hacia frente ante tambien posible possible recent main both de del en con por sin of in on"
)
# What a reader may be told not to do.
REFRAINED = one_of(
    r"(?:oper|esper|posterg|aplac|interven|desarm|desmont|vuelv|tom|basa|arran[cq]|pong|permit|deje|exten[dt]|extiend|prolong)\w*",
    r"(?:operate|operating|work|wait|delay|defer|postpone|intervene|dismantle|start|run|return|put|allow|tear|disassemble|open|extend|prolong)",
    r"(?:concluy|interpret|atribu|confund|conclude|attribute)\w*",
)
# What only says how things are, `y si persiste en el aceite`, and what an aim may be, `para decidir si …`.
STATES = one_of(
    r"(?:persist|aument|apare[cz]|empeor|coincid|correspond|indic|suger|sugi|muestr|super|exced|result)\w*",
    r"suben?|bajan?|siguen?|continuan?|mantienen?|vuelven?|tienen?|hay|existen?|estan?|parecen?|cumplen?",
    r"(?:persist|increas|decreas|remain|appear|agree|match|correspond|differ|exceed|indicat|suggest)\w*",
    r"rises?|falls?|continues?|shows?",
)
PURPOSES = one_of(
    r"(?:decid|pod|sab|conoc|correg|evit|entend|descart|establec|aclar|preven|protej|proteg|trat|ser|est[ae]r|tener"
    r"|reduc|ten)\w*",
    r"(?:decid|know|understand|avoid|clarif|clear|prevent|protect|rule|be|have|see|learn|tell|show|explain|support"
    r"|become|reach|avoid|spot|catch|narrow)",
)
SEEKS = one_of(r"bus[cq]\w*", r"(?:find|look|search|ask|locat)\w*")
USES = one_of(r"(?:us(?!ual)|utili|emple|reutili|reus)\w*")
INFINITIVE = one_of(r"\w{2,}(?:ar|er|ir)(?:se|lo|la|los|las)?")
NO_INFINITIVE = (
    OBJECT
    | DONE
    | word_set(
        "other another whether under over after either further never rather however together higher lower later longer "
        "lugar mayor taller"
    )
)
