"""Speed and memory as ratios that one run measures on one machine; see the README beside this."""
