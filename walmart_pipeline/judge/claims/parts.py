"""Parts and properties of goods that a material or colour is said of: "oak frame", "red finish"."""

from __future__ import annotations

from walmart_pipeline.text import tokenizer

# As texts.stem gives them.
PARTS = frozenset(
    tokenizer.stem(word)
    for word in """
    accent alloy arm armrest back backing band bar base bead bezel bin blade blend board body bolt border bottom
    bowl box bracket bristle buckle build burner button cabinet canopy cap carafe case casing chain chamber
    chassis clasp collar color colour compartment console construction container cooktop cord core corner cover
    coverlet craftsmanship crown cuff cup cushion design detail detailing dial dish door drawer drum edge edging
    element enclosure exterior fabric facade face faceplate feet fiber fill filling film filter finish fitting
    fixture flap foot footbed footrest frame front gasket gear glaze grate grill grille grip guard handle hanger
    hardware head headboard heel hem hinge hood hook hose housing hue ink inner insert insole interior jacket jar
    jaw jug key knit knob label lace latch layer leg lens lever lid liner lining link lip lock loop material
    mattress mechanism model motif motor mount mouthpiece mug nib nozzle option outer outsole pad padding paint
    pan panel pattern pedal pedestal piece pillow pin pitcher plate platform plating pocket post pot print
    propeller rack rail reservoir rim ring rivet rod roller rope scoop screen seal seam seat seating shade shaft
    shank shape sheath sheet shelf shell shoulder side sink skin sleeve slider sole spindle spoke spool spout
    spring stand stem stitching strap strip stripe structure stud style surround suspension switch tab tabletop
    tank texture thread tile tine tint tip toe tone tongue top tray tread trim trimming tub tube tubing tuft unit
    upholstery upper valve variant veneer version vessel wall weave webbing wheel window wing wire wiring yarn zip
    zipper
    """.split()
)
# A material of one of these says little of the whole product.
SMALL_PARTS = frozenset(
    tokenizer.stem(word)
    for word in """
    accent base bolt bracket bristle buckle button cap clasp cord corner detail element feet fill fitting foot
    gasket grip guard handle hanger hardware hinge hook hose insert knob lace latch leg lens lever lid liner
    lining lock loop mount nozzle pad pin pocket rim ring rivet rod roller seal seam sole spout spring stitching
    strap strip stud switch tab tip tread trim trimming tube tubing valve wheel wire wiring zip zipper
    """.split()
)
