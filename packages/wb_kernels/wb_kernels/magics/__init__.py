"""The magics; jupysql and what it needs load when one of them is first used."""

import os

os.environ["PLOOMBER_STATS_ENABLED"] = "false"  # jupysql would send statistics home
