"""Pictures: frames in, matplotlib Figures and films out. Imports neither torch nor the store, and no pyplot.

    race              optimizers side by side over a landscape, as a film        -> Film
    races             the same on several problems side by side                  -> Film
    convergence       loss above the minimum by step, median and quartiles       -> Figure
    history           loss and accuracy of networks while they train             -> Figure
    schedule_curves   the learning rate that each schedule asks for, by step     -> Figure
    parameter_groups  who is in which parameter group, and the rate of each      -> Figure
    loss_curves       value and gradient of each loss against the prediction     -> Figure
    lr_sensitivity    what each learning rate ends with, as curves and as a map  -> Figure
    schedule_gain     what each schedule gains over the constant rate            -> Figure
    profiles          performance profile, ECDF over targets, win rates          -> Figure
    budget            what a search of k trials ends with                        -> Figure
    encode            any frames into a .gif, .webp, .mp4 or .png
    style_of          the colour and the dash of an optimizer, the same in all of the above

A picture takes the runs frame and the trace frame, and whoever calls it saves what comes back:

    race(landscape, runs, trace, minima=[(3, 0.5)]).save("race.gif")
    convergence(runs, trace).savefig("convergence.png")
"""

from .anatomy import anatomy
from .basins import basins
from .budget import budget
from .conditioning import conditioning
from .cover import cover, trails
from .curves import convergence, history
from .encode import encode
from .gains import schedule_gain
from .groups import parameter_groups
from .losses import loss_curves
from .noise import noise
from .picture import Film, Still, alt_text, save_picture
from .profiles import profiles
from .race import Course, race, races
from .race_3d import race_3d
from .schedules import schedule_curves
from .sensitivity import lr_sensitivity
from .stability import stability
from .style import Look, Theme, looks_of, style_of, theme_of
from .weights import weight_plane

__all__ = [
    "Course",
    "Film",
    "Look",
    "Still",
    "Theme",
    "alt_text",
    "anatomy",
    "basins",
    "budget",
    "conditioning",
    "convergence",
    "cover",
    "encode",
    "history",
    "looks_of",
    "loss_curves",
    "lr_sensitivity",
    "noise",
    "parameter_groups",
    "profiles",
    "race",
    "race_3d",
    "races",
    "save_picture",
    "schedule_curves",
    "schedule_gain",
    "stability",
    "style_of",
    "theme_of",
    "trails",
    "weight_plane",
]
