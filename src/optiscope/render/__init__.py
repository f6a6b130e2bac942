"""Pictures: frames in, matplotlib Figures and films out. Imports neither torch nor the store, and no pyplot.

    race, race_3d     optimizers side by side over a landscape, or on its surface
    races             the same on several problems side by side
    trails, cover     a race at its end, standing still
    basins            which minimum each start reaches, and how soon
    anatomy           gradient, momentum and rates of each step, and its angle to the gradient
    noise             clouds of seeds under gradient noise, and the floor by rate
    conditioning      steps to a target against condition number and rotation
    stability         sharpness against 2 / lr along a run
    weight_plane      the paths of a network's weights in a plane, over the true loss
    convergence       loss above the minimum by step or in time, median and quartiles
    history           loss, accuracy and rate of networks while they train
    schedule_curves   the learning rate that each schedule asks for, by step
    parameter_groups  who is in which parameter group, and the rate of each
    loss_curves       value and gradient of each loss against the prediction
    lr_sensitivity    what each learning rate ends with, as curves and as a map
    schedule_gain     what each schedule gains over the constant rate
    profiles          performance profile, ECDF over targets, win rates
    budget            what a search of k trials ends with
    step_times        what a step of each optimizer costs; roofline: against the memory's ceiling; time_and_state:
                      against the state that it keeps; step_scaling: against the number of parameters
    iteration_shares  what forward, backward and step take of an iteration
    lane_scaling      what a lane-step costs against the number of lanes
    encode            any frames into a .gif, .webp, .mp4 or .png
    save_picture      a picture into a file, and its words beside it
    style_of          the colour and the dash of an optimizer, the same in all of the above

What moves gives a Film, what stands still a Figure, in an `ax` of yours if you give one. Both show themselves in a
notebook, and both know in words what they show: `alt_text`.

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
from .scaling import iteration_shares, lane_scaling, step_scaling
from .schedules import schedule_curves
from .sensitivity import lr_sensitivity
from .stability import stability
from .style import Look, Theme, looks_of, style_of, theme_of
from .timings import roofline, step_times, time_and_state
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
    "iteration_shares",
    "lane_scaling",
    "looks_of",
    "loss_curves",
    "lr_sensitivity",
    "noise",
    "parameter_groups",
    "profiles",
    "race",
    "race_3d",
    "races",
    "roofline",
    "save_picture",
    "schedule_curves",
    "schedule_gain",
    "stability",
    "step_scaling",
    "step_times",
    "style_of",
    "theme_of",
    "time_and_state",
    "trails",
    "weight_plane",
]
