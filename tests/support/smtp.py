#!/usr/bin/env python3
"""An SMTP server for tests. The local part of the recipient's address says how it behaves:

    refused-…   550 at RCPT, always
    later-…     451 after DATA the first time, 250 from then on
    hang-…      never answers DATA the first time, 250 from then on
    drop-…      closes the connection after DATA the first time, 250 from then on
    (others)    250

Accepted messages become numbered .eml files in the folder; every attempt is a line of `attempts.jsonl` there:
{"to", "message_id", "notice", "kind", "answer"}.

usage: smtp.py FOLDER [PORT]      prints "listening PORT" when ready; ends on SIGTERM.
"""
import asyncio, email, email.policy, json, os, signal, sys

from aiosmtpd.smtp import SMTP


class Handler:
    def __init__(self, folder):
        self.folder, self.count, self.seen = folder, 0, set()
        self.log = open(os.path.join(folder, "attempts.jsonl"), "a", encoding="utf-8")

    def note(self, to, answer, message=None):
        head = message or {}
        line = {"to": to, "message_id": head.get("Message-ID"), "notice": head.get("X-Itaku-Notice"), "kind": head.get("X-Itaku-Kind"), "answer": answer}
        self.log.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.log.flush()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused-"):
            self.note(address, 550)
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        to = ",".join(envelope.rcpt_tos)
        first = to not in self.seen
        self.seen.add(to)
        if first and to.startswith("later-"):
            self.note(to, 451, message)
            return "451 4.3.0 try again later"
        if first and to.startswith("hang-"):
            self.note(to, "hang", message)
            await asyncio.sleep(3600)
        if first and to.startswith("drop-"):
            self.note(to, "drop", message)
            server.transport.abort()
            return "421 4.3.0 gone"
        self.count += 1
        path = os.path.join(self.folder, f"{self.count:06}.eml")
        with open(path + ".part", "wb") as f:
            f.write(envelope.content)
        os.rename(path + ".part", path)
        self.note(to, 250, message)
        return "250 OK"


async def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    handler = Handler(folder)
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for s in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(s, done.set)
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    server = await loop.create_server(lambda: SMTP(handler, hostname="smtp.test", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", port)
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    await done.wait()
    os._exit(0)  # hanging sessions are not waited for


asyncio.run(main())
