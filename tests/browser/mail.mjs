// A mail server that takes no letter until it is told to.
import { createServer } from "node:net";
import { createInterface } from "node:readline";

export function mailServer() {
  const letters = [];
  let takes = false;
  const server = createServer((socket) => {
    const say = (line) => socket.write(line + "\r\n");
    let inLetter = false, to = "";
    socket.on("error", () => {});
    createInterface({ input: socket }).on("line", (line) => {
      const word = line.slice(0, 4).toUpperCase();
      if (inLetter) {
        if (line !== ".") return;
        inLetter = false;
        letters.push(to);
        say("250 taken");
      } else if (word === "RCPT" && !takes) say("550 unknown");
      else if (word === "RCPT") { to = line.match(/<(.*)>/)[1]; say("250 ok"); }
      else if (word === "DATA") { inLetter = true; say("354 go on"); }
      else if (word === "QUIT") { say("221 bye"); socket.end(); }
      else say("250 ok");
    });
    say("220 ready");
  });
  const listening = new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(`smtp://127.0.0.1:${server.address().port}`)));
  return { url: listening, letters, take: () => { takes = true; }, stop: () => server.close() };
}
