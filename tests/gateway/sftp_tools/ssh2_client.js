// Brings the folder `up` to a folder of the gateway and back with ssh2-sftp-client, goes on with the upload of `resumed.bin`
// and with the download of `whole.bin`.
//
//     ssh2_client.js PORT KNOWN_HOSTS LOGIN PASSWORD FOLDER full|add|blind

const assert = require("node:assert");
const fs = require("node:fs");
const { promisify } = require("node:util");
const Client = require("ssh2-sftp-client");

const [port, knownHosts, username, password, folder, rights] = process.argv.slice(2);
const known = fs.readFileSync(knownHosts, "utf8");
const at = (name) => `${folder}/${name}`;
const refused = (what) => assert.rejects(what);

async function main(sftp) {
  const { size } = await sftp.stat(at("resumed.bin"));
  const content = fs.readFileSync("up/resumed.bin");
  assert(0 < size && size < content.length);
  await sftp.append(content.subarray(size), at("resumed.bin"));
  assert.strictEqual((await sftp.stat(at("resumed.bin"))).size, content.length);

  await sftp.fastPut("up/whole.bin", at("whole.bin"));
  const then = fs.statSync("up/whole.bin").mtime;
  await promisify(sftp.sftp.utimes.bind(sftp.sftp))(at("whole.bin"), then, then);
  assert.strictEqual((await sftp.stat(at("whole.bin"))).modifyTime, then.getTime());
  await sftp.uploadDir("up/tree", at("tree"));
  await sftp.uploadDir("up/names", at("names"));
  const listed = (await sftp.list(at("names"))).map((entry) => entry.name).sort();
  assert.deepStrictEqual(listed, rights === "blind" ? [] : fs.readdirSync("up/names").sort());

  if (rights === "full") {
    await sftp.put("first.txt", at("replaced.txt"));
    await sftp.put("up/replaced.txt", at("draft"));
    await refused(sftp.rename(at("draft"), at("replaced.txt")));
    await sftp.posixRename(at("draft"), at("replaced.txt"));
  } else if (rights === "add") {
    await sftp.put("up/replaced.txt", at("replaced.txt"));
    await refused(sftp.put("first.txt", at("replaced.txt")));
    await refused(sftp.posixRename(at("replaced.txt"), at("whole.bin")));
    await refused(sftp.delete(at("whole.bin")));
  } else {
    await sftp.put("up/replaced.txt", at("draft"));
    await sftp.posixRename(at("draft"), at("replaced.txt"));
  }

  if (rights === "blind") {
    await refused(sftp.get(at("whole.bin")));
    await refused(sftp.delete(at("whole.bin")));
  } else {
    await sftp.downloadDir(folder, "back");
    const start = fs.statSync("continued.bin").size;
    const here = fs.createWriteStream("continued.bin", { flags: "a" });
    await sftp.get(at("whole.bin"), here, { readStreamOptions: { start } });
  }
}

const sftp = new Client();
const hostVerifier = (key) => known.includes(key.toString("base64"));
sftp
  .connect({ host: "127.0.0.1", port, username, password, hostVerifier })
  .then(() => main(sftp))
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => sftp.end());
