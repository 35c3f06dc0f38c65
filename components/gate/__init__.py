"""What every gate shares: findings, waivers by name, the verdict as one document, and the artifact that carries it.

A gate's logic makes `Finding`s; `judge` lays the waivers over them; `write_verdict` writes `decision.json` and sets the
artifact's properties. A gate on data (before training) then raises `GateRefused`, which stops the run and keeps what
the gate wrote; a gate on a model leaves the verdict to ModelApproval, which no refused model passes.
"""
