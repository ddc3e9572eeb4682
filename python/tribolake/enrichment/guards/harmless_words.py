"""What may be told about oil and components where no change is allowed: verbs that only look, folded."""

from __future__ import annotations

from tribolake.enrichment.guards.change_words import HARMLESS, OBJECT, one_of, word_set

# Stems: `revis` is that of `revise` and of `revisar`.
LOOKS = one_of(
    r"(?:revis|verifi[cq]|mid|med|compar|confirm|examin|inspecci?on|vigil|observ|registr|monitor|anali[cz]|muestr"
    r"|remuestr|consult|evalu|determin|identifi[cq]|detect|deten|prueb|prob|contrast|investig|bus[cq]|locali[cz]"
    r"|descart|comprueb|comprob|control|cuantifi|document|anot|asegur|pregunt|indag|averig|valid|contact|inform"
    r"|notifi|avis|cort|priori[cz]|estudi|escuch|mir|calcul|etiquet|suspend|impid|impedir|evit|cercior|aclar|comuni"
    r"|supervis|chequ|palp)\w*",
    r"paren?|parar",
    r"(?:check|verif|measur|compar|confirm|examin|inspect|watch|observ|record|monitor|analy[sz]|sampl|resampl|review"
    r"|consult|evaluat|determin|identif|detect|test|stop|investigat|look|find|search|ask|quantif|document|note|ensure"
    r"|trac[ek]|validat|contact|inform|notif|report|cut|listen|calculat|label|pressure|rule|assess|prioriti)\w*",
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
# What is spoken of; what is done `con carga` or to a `unidad` is no oil and no component.
SPOKEN_OF = (OBJECT | word_set("producto product")) - word_set(
    "carga parte partes conjunto unidad fill parts part assembly unit drive drives wheel charge"
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
    r"(?:oper|esper|posterg|aplac|interven|desarm|desmont|vuelv|tom|basa|arran[cq]|pong|permit|deje)\w*",
    r"(?:operate|operating|work|wait|delay|defer|postpone|intervene|dismantle|start|run|return|put|allow)",
    r"(?:concluy|interpret|atribu|confund|conclude|attribute)\w*",
)
USES = one_of(r"(?:us|utili|emple|reutili)\w*")
INFINITIVE = one_of(r"\w{2,}(?:ar|er|ir)(?:se|lo|la|los|las)?")
NO_INFINITIVE = (
    OBJECT
    | DONE
    | word_set(
        "other another whether under over after either further never rather however together higher lower later longer "
        "lugar mayor taller"
    )
)
