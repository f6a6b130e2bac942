from .race import race
