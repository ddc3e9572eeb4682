"""Nouns of maintenance, folded: they stand in a list where a verb may stand too, `revise el aceite, tapón y varillaje`.

A word that is missing costs a call. A word that is a verb too, such as `vent` or `service`, is taken for one where its
object follows; those that mean a change (`dump`, `flush`) stay out.
"""

from __future__ import annotations

from tribolake.oil.wording.guards.change_words import one_of, word_set

PARTS = word_set(
    "abrazadera abrazaderas admision admisiones alojamiento alojamientos arandela arandelas axle axles balancin "
    "balancines bancada biela bielas block bloque bocina bocinas bolt bolts bombin brake brakes breathers brida "
    "bridas bronce bronze caja cajas caneria canerias carcasa carcasas carrier case casing ciguenal clamp clamps "
    "clutch clutches colador compartimento compartimentos compartimiento compartimientos compartment compartments "
    "cone conexion conexiones conjuntos cono conos conrod contraeje convertidores coolers corona coronas crankcase "
    "crankshaft culata culatas diferenciales disc disco discos discs duct ducts duo duocone elbow embrague embragues "
    "empaquetadura empaquetaduras enfriadores equipment equipo equipos escape estanque estanques fitting fittings "
    "flange flanges freno frenos gasket gaskets gearboxes head heads housing housings hub hubs imantado inlet inlets "
    "intake intakes intercooler inyeccion joint joints journal journals junta juntas line lineas lines machine "
    "machines magnetic magnetico magneticos manifold maquina maquinas metal metales metals mirilla multiple nozzle "
    "nozzles outlet palanca pasador pasadores pinon pinones pipe pipes planetario planetarios planetary plugs "
    "prefilter prefiltro prefiltros radiadores rejilla rejillas reservoir respiradero respiraderos retardador "
    "retarder rod rods salida satelite satelites screen screens sensor sensores sensors sincronizador sincronizadores "
    "solar sprocket steel strainer synchroniser synchronisers synchronizer synchronizers tank tanks tanque tanques "
    "tapa tapas termostato thermostat tobera toberas tolva toma tomas tornamesa tornillo tornillos train tren trenes "
    "truck trucks tube tuberia tuberias tubes turbos unidades valve valves valvula valvulas varilla varillaje "
    "varillas vastago vastagos vent ventilacion vents visor washer washers wipers"
)
MATTER = word_set(
    "additive additives aditivo aditivos air aire antifreeze arcilla arena ash barniz barro ceniza cenizas chips clay "
    "combustible coolant debris deposits diesel dirt dust fiber fibers fibras fibre fibres flakes fuel glicol glycol "
    "goma grasa grease hollin humedad impureza impurezas inhibidor inhibidores inhibitor inhibitors lodo lodos "
    "material materiales moisture mud paquete particle particles particula particulas polvo quimica refrigerante "
    "residue residues residuo residuos restos sal sales salt salts sand sealant sediment sedimento sedimentos "
    "sellante silice silicona silicone slivers sludge soldadura solids solvent solvente soot suciedad swarf tierra "
    "varnish viruta virutas"
)
ESSAYS = word_set(
    "acidez acidity alcalinidad alkalinity aluminio aluminium aluminum bario barium basicidad boro boron calcio "
    "calcium chrome chromium cobre code codes codigo codigos conteo copper count counts cromo espectrometria estano "
    "ferrografia fosforo hierro indice iron iso lead magnesio magnesium manganese manganeso molibdeno molybdenum "
    "nickel niquel nitracion oxidacion ph phosphorus plata plomo potasio potassium pq pqi silicio silicon silver "
    "sodio sodium spectrometry sulfatacion tan tbn tin titanio titanium vanadio vanadium viscosidad viscosidades "
    "viscosities viscosity zinc"
)
MEASURES = word_set(
    "altura amount apriete backlash base baseline blow by calado calidad cantidad cantidades capacidad carga cargas "
    "cifra cifras clase clearance clearances colour compression concentracion cooling degree delay densidad density "
    "desviacion diferencia diferencias difference differences distance distancia dosis duracion end endplay espuma "
    "estanqueidad falta float fuerza gap grade grades grado grados height hermeticidad holgura holguras hora "
    "horometro horometros hour hourmeter idle idling juegos kilometraje leakage limite limites limits limpieza linea "
    "load loads loss marca medida medidas meter meters nivel niveles noises odor odour offset olor par parametro "
    "parametros patch patinaje percentage play point points porcentaje precargas presiones pressures promedio "
    "proporcion proportion punto puntos quality quantity ralenti range ranges rango rangos rate ratio ratios reserve "
    "rpm ruidos slip smell soplado sound speed stall step temperaturas temperatures tendencias thickness tiempo "
    "tiempos timing tipo tipos torque torsion trends turbidez vacio vacuum velocidad vibracion vibraciones vibration "
    "vibrations volume volumen"
)
RECORDS = word_set(
    "antecedente antecedentes area batch batches bitacora bitacoras bodega boleta bottles certificado certificate "
    "checklist contramuestra contramuestras crew cuaderno data datasheet declaracion delivery despacho document "
    "documento documentos documents etapa etiquetas ficha fichas foto fotografia fotografias fotos frascos guia "
    "historia historiales histories history hoja informe informes instructivo lab label labels laboratorio laboratory "
    "log logbook logs lot lote lotes maker manual manuals manufacturer muestreos norma normas operador operator "
    "operators orden ordenes pauta pautas personal photo photographs photos picture pictures planta practica "
    "practicas practice practices procedimientos procedures programme protocolo proveedor proveedores recomendacion "
    "recomendaciones recommendation recommendations report reporte reportes reports results rotulo rotulos sheet "
    "sheets shift site specification specifications standard standards stock store supervisor supplier suppliers tag "
    "tags taller technician tecnico traceability trazabilidad turno users usuario workshop"
)
FINDINGS = word_set(
    "abrasion alignment almacenamiento ambiente anomalia anomalias areas atencion attention averia blockage blockages "
    "calentamiento campo care ciclo ciclos combustion condensacion condensation contaminacion contaminaciones "
    "contamination corrosion crack cracks damage dano danos degradacion desajuste desalineacion deterioro dilucion "
    "dilution distress entradas environment estado estados evidence evidencia evidencias failure fatiga fatigue fault "
    "faults fisura fisuras friccion friction fuente fuentes golpe golpes golpeteo grieta grietas handling humo humos "
    "idleness ingestion ingresos intervencion intervenciones issue issues knock knocking lavado leaching location "
    "locations loosening maintenance manipulacion mantencion mantenimiento mezcla mezclado mezclas mixing mixture "
    "obstruccion obstrucciones origen origenes overheating overload oxidation oxido paso picaduras pitting problem "
    "problema problemas problems proceso procesos produccion rayas rebalse rebose relleno rellenos reparacion "
    "reparaciones restriccion restricciones restriction restrictions rodaje rotura rust scoring scratches scuffing "
    "seepage senal senales service services servicio servicios shear sign signo signos signs sintoma sintomas slack "
    "sliding sobrecalentamiento sobrecarga sonido sonidos source sources spalling staining storage symptom symptoms "
    "terreno top topping trace traces traspaso traza trazas up ups usage use uso usos ventilaciones washing way ways "
    "weeping work zona zonas"
)
QUALITIES = word_set(
    "about acido additional adecuado after against along ambas ambos among anormal anormales another anterior "
    "anteriores any around as at available before between both broken buena buenas bueno buenos caliente careful "
    "cargado certain clogged cold como correct cromado cual cuales cuando cuanto cuya cuyo declarado delantera "
    "delantero derecha derecho diferente diferentes different dirty dispensing distinta distintas distinto distintos "
    "donde dos durante during each equivocado especially especialmente excesiva excesivas excesivo excesivos "
    "excessive externa externo ferrosa ferrosas ferroso ferrosos ferrous fina finas fine fino fisico following for "
    "fresh frio from front further general good grande grandes grueso habitual habituales hand hasta hidraulica "
    "hidraulico hidraulicos hot how hydraulic if in including incluida incluidas incluido incluidos incluso "
    "incorrecto inferior inner intended interna internas interno internos izquierda izquierdo large later latest left "
    "likely loose lower mecanica mecanico mechanical mediante mejor mejores mientras misma mismo near new next normal "
    "normales not nueva nuevas nuevo nuevos once optico original other others otra otras otro otros outer over "
    "particular particularly particularmente per physical possible previous primera principalmente probable "
    "programada proper proxima proximas proximo proximos quimico real reales rear reciente recientes representativa "
    "representative representativo right same scheduled second segun segunda segundo severa several severe severo "
    "siguiente siguientes similar similares since small so sobre specific such superior suspected tal tales termica "
    "thermal three through tras trasera trasero tres two under unless until unusual upper usual via visual what when "
    "where whether which while who whose why with within without worn wrong"
)
NOUNS = PARTS | MATTER | ESSAYS | MEASURES | RECORDS | FINDINGS
# Endings that nouns, participles and adverbs have and that what is told to do has not.
NO_COMMAND = one_of(
    r"\w{2,30}(?:cion|ciones|siones|miento|mientos|idad|idades|metro|grafia)",
    r"(?!incremente|implemente|complemente)\w{2,30}[aelnrz]mente",
    r"\w{3,30}(?:ado|ados|adas|ido|idos|idas)",
    r"(?!requisition|recondition|position|auction)\w{2,30}tions?",
    r"\w{2,30}(?:ersion|usion|ity|ities|ness|ments)",
    r"\w{2,30}[^e]ed",
    r"\w{4,30}[^p]ly",
)
