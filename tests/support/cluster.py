"""Two PostgreSQL servers, the second a synchronous standby of the first, each in a network namespace of its own.

Everything happens in namespaces of this process's making: `inside` runs the test itself in one of them (the hub), from
which the two servers hang by a pair of veth each. Root only. Standard library only.
"""
import contextlib, glob, os, pwd, re, shutil, signal, subprocess, sys, time

from house import eventually, spawn

HUB = "10.77.%d.1"
SERVER = "10.77.%d.2"
ENTERED = "ITAKU_TEST_HUB"


def sh(*cmd, **more):
    done = subprocess.run(cmd, capture_output=True, text=True, **more)
    if done.returncode:
        raise AssertionError(f"{' '.join(cmd)}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def inside():
    """Whether this process stands in the hub."""
    return os.environ.get(ENTERED)


def enter():
    """Runs this very command again in a hub of its own, and removes it; returns the exit status."""
    hub = f"itaku-{os.getpid()}"
    names = [hub, f"{hub}-1", f"{hub}-2"]
    try:
        for name in names:
            sh("ip", "netns", "add", name)
        ip = lambda name, *args: sh("ip", "-n", name, *args)
        ip(hub, "link", "set", "lo", "up")
        for n, name in enumerate(names[1:], 1):
            ip(hub, "link", "add", f"to{n}", "type", "veth", "peer", "name", "line", "netns", name)
            ip(hub, "addr", "add", f"{HUB % n}/24", "dev", f"to{n}")
            ip(hub, "link", "set", f"to{n}", "up")
            ip(name, "link", "set", "lo", "up")
            ip(name, "addr", "add", f"{SERVER % n}/24", "dev", "line")
            ip(name, "link", "set", "line", "up")
            ip(name, "route", "add", "default", "via", HUB % n)
        # The hub's own setting: namespaces have each their own.
        sh("ip", "netns", "exec", hub, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        return subprocess.run(["ip", "netns", "exec", hub, sys.executable, *sys.argv], env=os.environ | {ENTERED: hub}).returncode
    finally:
        for name in reversed(names):
            subprocess.run(["ip", "netns", "del", name], check=False)


class Node:
    """A server on the n-th line."""

    def __init__(self, n, folder):
        self.n, self.address, self.namespace = n, SERVER % n, f"{inside()}-{n}"
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))[-1]
        self.data = os.path.join(folder, f"server{n}")
        self.log = open(os.path.join(folder, f"server{n}.log"), "ab")
        self.user = pwd.getpwnam("postgres")
        self.process = None

    def as_owner(self, program, *args):
        """In its namespace, as PostgreSQL's own account, without a process in between."""
        return ["ip", "netns", "exec", self.namespace, "setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups", os.path.join(self.bin, program), *args]

    def file(self, name, text=None):
        path = os.path.join(self.data, name)
        if text is None:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
        else:
            with open(path, "w") as f:
                f.write(text)
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def create(self):
        sh(*self.as_owner("initdb", "-D", self.data, "-U", "itaku", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"), cwd="/")
        with open(os.path.join(self.data, "postgresql.conf"), "a") as f:
            f.write("listen_addresses = '*'\nunix_socket_directories = ''\nwal_level = replica\nwal_sender_timeout = 10s\nmax_connections = 50\ninclude_if_exists 'sync.conf'\n")
        with open(os.path.join(self.data, "pg_hba.conf"), "w") as f:
            f.write("host all all 10.77.0.0/16 trust\nhost replication all 10.77.0.0/16 trust\n")

    def follow(self, primary):
        """Becomes a standby of the other, from a copy of it."""
        shutil.rmtree(self.data, ignore_errors=True)
        sh(*self.as_owner("pg_basebackup", "-h", primary.address, "-U", "itaku", "-D", self.data, "-c", "fast", "--no-sync"), cwd="/")
        self.file("sync.conf")  # nobody follows it
        self.file("standby.signal", "")
        self.file("postgresql.auto.conf", f"primary_conninfo = 'host={primary.address} user=itaku application_name=standby'\n")

    def start(self):
        self.process = spawn(self.as_owner("postgres", "-D", self.data), stdout=self.log, stderr=self.log, cwd="/")
        eventually(f"server {self.n} starts", self.answers, 30)
        return self

    def answers(self):
        return subprocess.run(["psql", "-XAtq", "-h", self.address, "-U", "itaku", "-d", "postgres", "-c", "SELECT 1"], capture_output=True, env=os.environ | {"PGCONNECT_TIMEOUT": "2"}).returncode == 0

    def sql(self, statement, database="postgres"):
        return sh("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.address, "-U", "itaku", "-d", database, "-c", statement)

    def processes(self):
        """The postmaster and its children."""
        own = [self.process.pid]
        for path in glob.glob("/proc/[0-9]*/stat"):
            with contextlib.suppress(OSError):
                with open(path) as f:
                    stat = f.read()
                if int(re.sub(r".*\) . ", "", stat, count=1, flags=re.S).split()[0]) == self.process.pid:
                    own.append(int(path.split("/")[2]))
        return own

    def signal(self, what):
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, what)

    def wait_for_standby(self, within=60):
        """From now on it acknowledges nothing that the standby does not have on its disk."""
        self.file("sync.conf", "synchronous_standby_names = 'standby'\n")
        os.kill(self.process.pid, signal.SIGHUP)
        eventually("a synchronous standby", lambda: self.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1", within)

    # What can happen to it.

    def killed(self):
        self.signal(signal.SIGKILL)

    def frozen(self):
        self.signal(signal.SIGSTOP)

    def cut_off(self):
        """Nothing that it sends arrives any more, and nobody is told."""
        for there in (HUB % self.n, SERVER % (3 - self.n)):
            sh("ip", "-n", self.namespace, "route", "add", "blackhole", there)

    def gone(self):
        """What an operator must see to before it may come back."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        for there in (HUB % self.n, SERVER % (3 - self.n)):
            subprocess.run(["ip", "-n", self.namespace, "route", "del", "blackhole", there], capture_output=True)

    def promote(self):
        """Returns when it takes writes."""
        self.sql("SELECT pg_promote(true, 60)")
        return time.monotonic()


class Cluster:
    """A primary and its synchronous standby, and the URL by which both are known."""

    def __init__(self, folder):
        os.chmod(folder, 0o755)
        place = os.path.join(folder, "servers")
        os.mkdir(place)
        owner = pwd.getpwnam("postgres")
        os.chown(place, owner.pw_uid, owner.pw_gid)
        self.primary, self.standby = Node(1, place), Node(2, place)
        self.primary.create()
        self.primary.start().sql("CREATE DATABASE itaku")
        self.joined()
        hosts = ",".join(f"{SERVER % n}:5432" for n in (1, 2))
        self.url = f"postgres://itaku@{hosts}/itaku?target_session_attrs=read-write"

    def joined(self):
        self.standby.follow(self.primary)
        self.standby.start()
        self.primary.wait_for_standby()

    def fail_over(self):
        """The standby takes over; returns when it did."""
        self.primary, self.standby = self.standby, self.primary
        return self.primary.promote()

    def mend(self):
        """What failed comes back as the standby."""
        self.standby.gone()
        self.joined()
