"""A kept process: a child that is started again whenever it dies, later and later if it keeps dying."""

import signal
import subprocess
import sys
from collections.abc import Callable

FIRST_PAUSE_S = 1.0
STEADY_S = 60.0


class KeptProcess:
    """One child of this process; `start` makes it, `look` is called again and again, `timer` counts seconds.

    After its n-th death in a row it is started again in 1, 2, 4... s, at most `longest_pause_s`; one that ran for a
    minute begins anew with 1 s.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], subprocess.Popen[bytes]],
        *,
        timer: Callable[[], float],
        longest_pause_s: float,
    ) -> None:
        self._name = name
        self._start = start
        self._timer = timer
        self._longest_pause_s = longest_pause_s
        self._pause_s = FIRST_PAUSE_S
        self._began_s, self._process = timer(), start()
        self._again_s: float | None = None

    @property
    def returncode(self) -> int | None:
        """How the last one ended; None while it runs."""
        return self._process.poll()

    def look(self) -> None:
        """Tell a death once, and start another when its pause is over."""
        now = self._timer()
        if self._again_s is None:
            if self.returncode is not None:
                self._again_s = now + self._told_pause(now)
        elif now >= self._again_s:
            self._began_s, self._process, self._again_s = now, self._start(), None

    def end(self) -> int:
        """Ask it to end and wait until it has; its exit status."""
        self.ask_to_end()
        return self._process.wait()

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        if self.returncode is None:
            self._process.send_signal(signal.SIGTERM)

    def _told_pause(self, now: float) -> float:
        pause = FIRST_PAUSE_S if now - self._began_s >= STEADY_S else self._pause_s
        self._pause_s = min(2 * pause, self._longest_pause_s)
        told = f"{self._name} {self._process.pid} ended with {self.returncode}; starting another in {pause:g} s"
        print(told, file=sys.stderr, flush=True)
        return pause
