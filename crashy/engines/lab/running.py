"""A lab from its start to its end: whatever it has started has ended afterwards."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from crashy.controllers.cluster import Cluster
from crashy.engines.lab import outside as outside_effects
from crashy.engines.lab import proc
from crashy.engines.lab.addresses import Addresses
from crashy.engines.lab.cgroups import Cgroups
from crashy.engines.lab.control import Control
from crashy.engines.lab.lab import LabEngine
from crashy.engines.lab.names import keep_names
from crashy.engines.lab.network import LoopbackNetwork
from crashy.engines.lab.operations import Operations
from crashy.engines.lab.outside_faults import OutsideFaults
from crashy.engines.lab.program import Programs
from crashy.engines.lab.runtime import ProcessRuntime
from crashy.engines.lab.service_operations import ServiceOperations
from crashy.engines.lab.warden import Warden
from crashy.engines.propagation import AT_ONCE
from crashy.engines.service_faults import ServiceFaults
from crashy.errors import BadInput
from crashy.fields.units import Distribution, Uniform
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.images import ImageCommands
from crashy.objects.standin import Models
from crashy.timeline import Timeline

DESCRIPTORS = (65_536, 10_240)  # open files wished for, and what is always allowed
END_GRACE = 2.0  # seconds between SIGTERM and SIGKILL when the lab ends


@asynccontextmanager
async def running(
    timeline: Timeline,
    *,
    labs: Path,
    note: Callable[[str], None],
    rng: random.Random,
    profile: Profile = NEWEST,
    images: ImageCommands = MappingProxyType({}),
    models: Models = MappingProxyType({}),
    propagation: Distribution | None = None,
    ingress: Distribution = AT_ONCE,
) -> AsyncIterator[LabEngine]:
    """Make a lab, and end all that it has started, however the body ends.

    `labs` is the folder of the control sockets; `note` is called with each line for the user. `rng` draws
    the pods' names, and the seeds of what is drawn at times that no run repeats. `images` says which images are
    commands of this machine, `models` how the stand-ins of the others go; `propagation` and `ingress` how much later
    than the endpoints the Services' proxies (by default as `profile` says) and an ingress change.
    """
    _raise_descriptor_limit()
    if not proc.there():
        note(proc.MISSING)
    addresses = Addresses(note)
    number = rng.getrandbits(64)
    outside = OutsideFaults(timeline, random.Random(~number))
    delays = propagation or Uniform(*profile.propagation), ingress
    services = ServiceFaults("lab", timeline, random.Random(f"services {number}"), outside_effects)
    network = LoopbackNetwork(
        addresses, random.Random(number), *delays, gate=outside.users_gate, service_gate=services.gate
    )
    services.shut = network.shut
    folder = Path(tempfile.mkdtemp(prefix="crashy-lab-"))
    control_path = labs / f"{os.getpid()}.sock"
    cgroups = Cgroups.find(note)
    warden = Warden(folder, control_path, *cgroups.paths)
    programs = Programs(folder, addresses, network, images, models)
    runtime = ProcessRuntime(
        programs.program,
        addresses=addresses,
        warden=warden,
        cgroups=cgroups,
        outside=outside,
        timeline=timeline,
        profile=profile,
    )
    refused: BadInput | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            cluster = Cluster(runtime, network, timeline, tasks, profile=profile, rng=rng)
            keep_names(folder, cluster, addresses, network, timeline)
            lab = LabEngine(
                cluster,
                network=network,
                addresses=addresses,
                programs=programs,
                runtime=runtime,
                outside=outside,
                services=services,
                why_not=cgroups.why_not,
                timeline=timeline,
            )
            operations = Operations(lab, cluster, network, timeline).table()
            of_services = ServiceOperations(cluster, network, services).table()
            control = Control(control_path, {**operations, **of_services})
            try:
                await control.start()
            except OSError as error:
                note(f"crashy inject --pod can't find this lab: {control_path}: {error}")
            try:
                yield lab
            except BadInput as error:  # as it is, not in the group's wrapping
                refused = error
            finally:
                control.close()
                outside.close()
                services.close()
                cluster.stop()
        await runtime.close(END_GRACE)
        if refused:
            raise refused
    finally:
        network.close()
        warden.close()


def _raise_descriptor_limit() -> None:
    """Allow this process as many open files as it may have: each pod and each connection takes some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in DESCRIPTORS:
        wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
        if soft < wanted:
            with suppress(ValueError, OSError):  # a system may allow less than its "unlimited" says: macOS does
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                return
