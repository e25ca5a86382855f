// Makes a container in Azurite with its published account, which is the same everywhere.
const [base, container] = process.argv.slice(2);
const crypto = require("crypto");
const http = require("http");
const account = "devstoreaccount1";
const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const date = new Date().toUTCString();
const version = "2021-08-06";
const text =
  `PUT${"\n".repeat(12)}x-ms-date:${date}\nx-ms-version:${version}\n/${account}/${account}/${container}\nrestype:container`;
const signature = crypto.createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
const headers = {
  "x-ms-date": date,
  "x-ms-version": version,
  "Content-Length": 0,
  Authorization: `SharedKey ${account}:${signature}`,
};
const request = http.request(`${base}/${account}/${container}?restype=container`, { method: "PUT", headers }, (answer) => {
  answer.resume();
  process.exitCode = answer.statusCode === 201 ? 0 : 1;
});
request.end();
