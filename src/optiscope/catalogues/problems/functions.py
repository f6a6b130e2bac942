"""The catalogue of test functions, one line each. To add one: write it in a family's file and add its line here.

Floor 1: imports its neighbours in this package only.
"""

from __future__ import annotations

from .basins import (
    branin,
    himmelblau,
    mccormick,
    monkey_saddle,
    saddle,
    six_hump_camel,
    styblinski_tang,
    three_hump_camel,
)
from .bowls import booth, matyas, quadratic, sphere, zakharov
from .family import Family
from .multimodal import (
    ackley,
    drop_wave,
    easom,
    eggholder,
    griewank,
    levy,
    michalewicz,
    rastrigin,
    schwefel,
)
from .valleys import beale, dixon_price, goldstein_price, powell, rosenbrock

FUNCTIONS: tuple[Family, ...] = (
    Family("sphere", sphere, "the round bowl"),
    Family("quadratic", quadratic, "an ill-conditioned bowl"),
    Family("booth", booth, "a mild bowl, tilted 45 degrees"),
    Family("matyas", matyas, "a flat trough along x = y"),
    Family("zakharov", zakharov, "a plate, quartic one way"),
    Family("rosenbrock", rosenbrock, "the curved valley"),
    Family("beale", beale, "a flat plain with steep corners"),
    Family("dixon_price", dixon_price, "parabolic valleys, two minima"),
    Family("powell", powell, "singular Hessian at the minimum"),
    Family("goldstein_price", goldstein_price, "two quartic troughs, multiplied"),
    Family("saddle", saddle, "a ridge with two ways down"),
    Family("monkey_saddle", monkey_saddle, "a flat saddle, three ways down"),
    Family("himmelblau", himmelblau, "four equal minima around a hill"),
    Family("three_hump_camel", three_hump_camel, "three basins in a row"),
    Family("six_hump_camel", six_hump_camel, "six basins, two of them deepest"),
    Family("styblinski_tang", styblinski_tang, "two basins a coordinate"),
    Family("branin", branin, "bent valley, three equal minima"),
    Family("mccormick", mccormick, "a sine along a tilted trough"),
    Family("rastrigin", rastrigin, "a bowl under an egg box"),
    Family("ackley", ackley, "a rippled funnel on a plain"),
    Family("griewank", griewank, "a wide bowl, shallow ripples"),
    Family("levy", levy, "a bowl cut by parallel ripples"),
    Family("schwefel", schwefel, "waves that grow to the edges"),
    Family("michalewicz", michalewicz, "narrow valleys in flat plates"),
    Family("easom", easom, "one hole in a flat plain"),
    Family("drop_wave", drop_wave, "rings around a drop"),
    Family("eggholder", eggholder, "tangled waves, minimum on edge"),
)
