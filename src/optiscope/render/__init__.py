"""Pictures: frames in, matplotlib Figures and films out. Imports neither torch nor the store, and no pyplot.

    race              optimizers side by side over a landscape, as a film        -> Film
    races             the same on several problems side by side                  -> Film
    convergence       loss above the minimum by step, median and quartiles       -> Figure
    history           loss and accuracy of networks while they train             -> Figure
    schedule_curves   the learning rate that each schedule asks for, by step     -> Figure
    parameter_groups  who is in which parameter group, and the rate of each      -> Figure
    loss_curves       value and gradient of each loss against the prediction     -> Figure
    encode            any frames into a .gif, .webp, .mp4 or .png
    style_of          the colour and the dash of an optimizer, the same in all of the above

A picture takes the runs frame and the trace frame, and whoever calls it saves what comes back:

    race(landscape, runs, trace, minima=[(3, 0.5)]).save("race.gif")
    convergence(runs, trace).savefig("convergence.png")
"""

from .anatomy import anatomy
from .basins import basins
from .conditioning import conditioning
from .cover import cover, trails
from .curves import convergence, history
from .encode import encode
from .groups import parameter_groups
from .losses import loss_curves
from .noise import noise
from .picture import Film, Still, alt_text, save_picture
from .race import Course, race, races
from .race_3d import race_3d
from .schedules import schedule_curves
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
    "conditioning",
    "convergence",
    "cover",
    "encode",
    "history",
    "looks_of",
    "loss_curves",
    "noise",
    "parameter_groups",
    "race",
    "race_3d",
    "races",
    "save_picture",
    "schedule_curves",
    "stability",
    "style_of",
    "theme_of",
    "trails",
    "weight_plane",
]
