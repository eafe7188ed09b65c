"""The commands: one module each, imported when it is chosen, with `main(argv) -> exit code` and `parser()`."""

# name -> (module, help)
COMMANDS = {
    "demo": ("crashy.commands.demo", "see it: pods crash and freeze, probes notice, restarts heal (a minute)"),
    "serve": ("crashy.commands.serve", "run the patient: the server that people crash on purpose"),
    "proxy": ("crashy.commands.proxy", "stand before a Redis, a database, any server, and make its connections ill"),
    "lab": ("crashy.commands.lab", "run manifests on this machine, under a kubelet-faithful prober"),
    "check": ("crashy.commands.check", "report what the probes of manifests will do, and known traps"),
    "faults": ("crashy.commands.faults", "list the faults, or show one and what probes make of it"),
    "inject": ("crashy.commands.inject", "inject a fault into a patient"),
    "recover": ("crashy.commands.recover", "take faults back"),
    "run": ("crashy.commands.run", "run experiments: manifests, traffic, faults at given times, a verdict"),
    "experiments": ("crashy.commands.experiments", "list the lessons that crashy run finds by name"),
    "kube": ("crashy.commands.kube", "add the proxy to manifests (wrap), delete what crashed runs left (clean)"),
    "report": ("crashy.commands.report", "write the reports of a run again from its timeline"),
    "traffic": ("crashy.commands.traffic", "send requests on a fixed schedule and report what users saw"),
    "probe": ("crashy.commands.probe", "an exec probe: check http, tcp, Redis, MySQL, a file, the load; exit 0 or 1"),
    "event-simulator": ("crashy.commands.event_simulator", "log as the course's image event-simulator does"),
    "status": ("crashy.commands.status", "show the state of a patient"),
    "podcli": ("crashy.commands.podcli", "an exec probe, as podinfo's manifests have it: check http, tcp or grpc"),
    "completion": ("crashy.commands.completion", "write the completion script of bash, zsh or fish"),
}

APPS = ("podinfo", "kuard", "agnhost", "netexec", "liveness")
"""The apps that the patient can be by its name, or by the first argument: `crashy.commands.persona` runs them."""
