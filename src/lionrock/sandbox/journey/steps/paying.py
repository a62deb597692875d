from lionrock.sandbox.journey.state import Journey


def steps(journey: Journey): return ()
