"""Black-box helpers over the `itaku` binary for the fault, import and load tests. Standard library only.

An `Instance` is one database with its settings; servers and commands run on it as child processes and
are ended by their own process id.
"""
import atexit, contextlib, json, os, signal, socket, sqlite3, subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request, uuid

SUPPORT = os.path.dirname(os.path.abspath(__file__))
PASSWORD = "mizu-iro no kaban 58 " + uuid.uuid4().hex[:8]
# What the command gives an administrator.
FIRST_PASSWORD = "paper lantern harbor 71"
_running = []


@atexit.register
def _stop_all():
    for p in _running:
        if p.poll() is None:
            p.kill()
            p.wait()
    _running.clear()


def spawn(cmd, **more):
    p = subprocess.Popen(cmd, **more)
    _running.append(p)
    return p


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def eventually(what, test, seconds):
    """Waits until `test()` is true; an AssertionError that names `what` otherwise."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = test()
        if seen:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body) if self.body else None

    def __repr__(self):
        return f"{self.status} {self.body[:300].decode('utf-8', 'replace')}"


class Client:
    """Calls of /api/v1 on one server, with or without a session."""

    def __init__(self, base, token=None, house=None):
        self.base, self.token, self.house = base, token, house

    def call(self, method, path, body=None, timeout=60, **headers):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as r:
                return Answer(r.status, r.headers, r.read())
        except urllib.error.HTTPError as e:
            return Answer(e.code, e.headers, e.read())

    def want(self, status, method, path, body=None):
        answer = self.call(method, "/api/v1" + path, body)
        if answer.status != status:
            raise AssertionError(f"{method} {path}: {status} expected, got {answer}")
        return answer.json

    def get(self, path): return self.want(200, "GET", path)
    def create(self, path, body): return self.want(201, "POST", path, body)

    def all(self, path):
        items, cursor = [], None
        while True:
            page = self.get(path + ("&" if "?" in path else "?") + "limit=200" + (f"&cursor={cursor}" if cursor else ""))
            items += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return items

    def login(self, email, password=PASSWORD):
        answer = self.want(200, "POST", "/auth/token", {"email": email, "password": password})
        return Client(self.base, answer["access_token"], self.house)

    def organization(self, kind, name, **more):
        return self.create("/organizations", {"kind": kind, "name": name, "country": "JP", "contact_email": address("contact"), **more})["id"]

    def user(self, organization, *roles, email=None, mailed=False):
        """Creates the account by invitation; the second administrator approves what needs one. Returns its address.
        `mailed`: the invitation is the test's affair."""
        email = email or address(roles[0])
        body = {"email": email, "name": f"試験 {roles[0]}", "organization_id": organization, "roles": list(roles)}
        made = self.create("/users", body)
        for change in made.get("pending", []):
            approver = self.login(self.house.second)
            approver.want(200, "POST", f"/pending-changes/{change['id']}/approve")
        if not mailed:
            self.house.come_in(self, made["id"])
        return email


def address(prefix):
    return f"{prefix.replace('_', '-')}-{uuid.uuid4().hex[:10]}@example.jp"


def contract(number, vendor, **more):
    """A contract that runs from a year before to a year after 2026's fiscal year's end."""
    return {
        "number": number, "title": "届出書類入力業務", "fiscal_year": 2026, "vendor_id": vendor, "amount_yen": 48_000_000,
        "signed_on": "2026-03-20", "starts_on": "2026-04-01", "ends_on": "2028-03-31", "scope": "届出書類の電子化",
        "data": [{"category": "personal", "persons": 30_000}, {"category": "my_number", "persons": 20_000}],
        "subcontracting": {"policy": "consent_required", "max_tier": 3, "max_ratio_percent": 50, "overseas": "prohibited"},
        "declaration_interval": "none", "return_due_days": 14, **more,
    }


def application(parent, vendor, starts_on, ends_on, **more):
    return {
        "parent_engagement_id": parent, "vendor_id": vendor, "scope": "入力の一部", "reason": "処理量の分担", "amount_yen": 3_000_000,
        "starts_on": starts_on, "ends_on": ends_on, "country": "JP", "data": [{"category": "personal", "persons": 5_000}],
        "safeguards": {"access_control": True, "training": True, "secure_area": True}, **more,
    }


REVIEW = {"facilities": "ok", "technique": "ok", "training": "ok", "management": "ok", "note": "確認済み", "clauses": []}


class Instance:
    """One database, its settings, and the processes on it."""

    def __init__(self, binary, folder, database=None, mail=None, **settings):
        self.binary, self.folder = os.path.abspath(binary), folder
        os.makedirs(folder, exist_ok=True)
        self.database = database or "sqlite:" + os.path.join(folder, "itaku.db")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("ITAKU__")} | {
            "ITAKU__DATABASE__URL": self.database,
            "ITAKU__MAIL__URL": mail or "file:" + os.path.join(folder, "mail"),
            "ITAKU__MAIL__FROM": "itaku@example.jp",
            "ITAKU__AUTH__SECOND_FACTOR_REQUIRED": "false",
            "ITAKU__AUTH__SECRET": "34e44708c721e652290a964110463e4d991ebe89e45a0fb1fddb77e12a7178b4",
            "ITAKU__LEDGER__SIGNING_KEY": "8624b6fcac1fba68684f0e18949051172afe287671e757c0b5ecd15a1fc78e45",
            # What is measured here is not how one person or address is slowed down.
            "ITAKU__LIMITS__STRANGERS_PER_SECOND": "100000",
            "ITAKU__LIMITS__ACTS_PER_SECOND": "100000",
            "ITAKU__LIMITS__READS_PER_SECOND": "100000",
        } | settings
        self.log = open(os.path.join(folder, "itaku.log"), "ab")

    def run(self, *args, stdin=None, status=0, timeout=300):
        """Runs a subcommand and returns its stdout; an AssertionError on another exit status."""
        done = subprocess.run([self.binary, *args], env=self.env, input=stdin, capture_output=True, timeout=timeout, text=True, cwd=self.folder)
        if status is not None and done.returncode != status:
            raise AssertionError(f"itaku {' '.join(args)}: exit {done.returncode}, {status} expected\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done.stdout

    def at_once(self, times, *args, timeout=300, days_ahead=0):
        """Runs the same subcommand `times` times at the same moment, by a clock that is so many days ahead; every one
        must exit 0."""
        clock = ["faketime", "--exclude-monotonic", "-f", f"+{days_ahead}d"] if days_ahead else []
        procs = [spawn([*clock, self.binary, *args], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder) for _ in range(times)]
        for p in procs:
            out, _ = p.communicate(timeout=timeout)
            if p.returncode != 0:
                raise AssertionError(f"itaku {' '.join(args)} ({times} at once): exit {p.returncode}\n{out[-1500:]}")

    def first_admin(self):
        email = address("system-admin")
        self.second = address("second-admin")
        self.run("migrate")
        for one in (email, self.second):
            self.run("admin", "create-user", "--email", one, "--name", "試験 管理", "--role", "system_admin", stdin=FIRST_PASSWORD + "\n")
        # A password that somebody else chose is changed at the first login: the ledger tells of it, so `verify` would of a row set right.
        settings, self.env = self.env, self.env | {"ITAKU__SCHEDULER__ENABLED": "false"}
        server = self.serve()
        self.env = settings
        for one in (email, self.second):
            server.client().login(one, FIRST_PASSWORD).want(200, "POST", "/me/password", {"current": FIRST_PASSWORD, "new": PASSWORD})
        server.stop()
        self.sql("DELETE FROM notices")
        return email

    def serve(self, wrapper=(), ready_within=20):
        """Starts `itaku serve`, waits until /readyz says 200, and returns the server."""
        return self.start(wrapper).ready(ready_within)

    def start(self, wrapper=()):
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        env = self.env | {"ITAKU__SERVER__LISTEN": f"127.0.0.1:{port}", "ITAKU__SERVER__PUBLIC_URL": base}
        return Server(spawn([*wrapper, self.binary, "serve"], env=env, stdout=self.log, stderr=self.log, cwd=self.folder), base, self.log.name, self)

    # What only the tests may do: look behind the contract, into the table of notices.

    def sql(self, statement):
        """Runs one statement as the database's owner and returns the rows (all columns as text)."""
        if self.database.startswith("sqlite:"):
            with contextlib.closing(sqlite3.connect(self.database.removeprefix("sqlite:"), timeout=30)) as db:
                rows = [[None if v is None else str(v) for v in row] for row in db.execute(statement)]
                db.commit()
                return rows
        done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-F", "\x1f", "-d", self.database, "-c", statement], capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"psql: {done.stderr}")
        return [line.split("\x1f") for line in done.stdout.splitlines()]

    def invitation(self, user):
        """The token that the person's last invitation carries, while it waits to be sent; None: it is gone."""
        rows = self.sql(f"SELECT context FROM notices WHERE kind = 'invitation' AND recipient = '{user}' ORDER BY id DESC LIMIT 1")
        link = json.loads(rows[0][0]).get("link", "") if rows else ""
        return urllib.parse.parse_qs(urllib.parse.urlsplit(link).query).get("token", [None])[0]

    def come_in(self, root, user):
        """The person follows the invitation; no test waits for its mail. One that was sent meanwhile is gone: there is another."""
        for _ in range(5):
            token = self.invitation(user)
            if token:
                root.want(200, "POST", "/auth/invitation/accept", {"token": token, "password": PASSWORD})
                break
            root.call("POST", f"/api/v1/users/{user}/invitation")
        else:
            raise AssertionError(f"no invitation of {user} could be read before it was sent")
        self.sql("DELETE FROM notices WHERE kind IN ('invitation', 'change_asked', 'change_ended')")

    def make_retries_due(self):
        """Retries wait a minute of the machine's clock; a test doesn't."""
        self.sql("UPDATE notices SET next_attempt_at = '2001-01-01 00:00:00' WHERE next_attempt_at IS NOT NULL")


class Server:
    def __init__(self, process, base, log, house):
        self.process, self.base, self.log, self.house, self.began = process, base, log, house, time.monotonic()

    def ready(self, within):
        def up():
            if self.process.poll() is not None:
                raise AssertionError(f"itaku serve ended with {self.process.returncode} before it was ready; its log: {tail(self.log)}")
            try:
                return Client(self.base).call("GET", "/readyz", timeout=5).status == 200
            except OSError:
                return False
        eventually(f"readiness of {self.base} ({tail(self.log)})", up, within)
        self.ready_after = time.monotonic() - self.began
        return self

    def client(self): return Client(self.base, house=self.house)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, within=30):
        """SIGTERM drains and ends with 0."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=within)
        if status != 0:
            raise AssertionError(f"itaku serve ended with {status} on SIGTERM: {tail(self.log)}")


def tail(path, size=1200):
    try:
        with open(path, "rb") as f:
            return f.read()[-size:].decode("utf-8", "replace")
    except OSError:
        return ""


class Smtp:
    """tests/support/smtp.py as a child process."""

    def __init__(self, folder):
        self.folder = folder
        self.process = spawn([sys.executable, os.path.join(SUPPORT, "smtp.py"), folder], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if not line:
            raise AssertionError("the SMTP server did not start (is aiosmtpd installed? tests/run does it)")
        self.url = f"smtp://127.0.0.1:{line[1]}"

    def attempts(self, **match):
        with open(os.path.join(self.folder, "attempts.jsonl"), encoding="utf-8") as f:
            lines = [json.loads(l) for l in f]
        return [l for l in lines if all(l[k] == v for k, v in match.items())]

    def accepted(self, **match): return self.attempts(answer=250, **match)


def fresh_postgres(name):
    """A new database on the server that ITAKU_TEST_POSTGRES names; returns its URL."""
    server = os.environ.get("ITAKU_TEST_POSTGRES")
    if not server:
        raise AssertionError("ITAKU_TEST_POSTGRES is unset: run through tests/run, or name a server on which databases may be created")
    database = f"{name}_{uuid.uuid4().hex[:8]}"
    subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", server, "-c", f"CREATE DATABASE {database}"], check=True)
    return urllib.parse.urlsplit(server)._replace(path="/" + database).geturl()


class Report:
    """One line a check; ends with `N passed, M failed` and the exit status."""

    def __init__(self): self.passed = self.failed = 0

    def check(self, what, holds, seen=None):
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        print(("ok    " if holds else "FAIL  ") + what + ("" if holds or seen is None else f"   (saw {str(seen)[:600]})"), flush=True)
        return bool(holds)

    @contextlib.contextmanager
    def part(self, name):
        """A part that raises is one failure; the other parts still run."""
        began = time.monotonic()
        print(f"--- {name}", flush=True)
        try:
            yield
        except Exception as e:
            self.check(f"{name} ran to its end", False, f"{type(e).__name__}: {e}")
        finally:
            _stop_all()
        print(f"    {time.monotonic() - began:.1f} s", flush=True)

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(0 if self.passed and not self.failed else 1)


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(prefix="itaku-test-") as folder:
        yield folder
