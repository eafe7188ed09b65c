// An API on Node's own http server, as its image runs it: `node server.js`.
const http = require("node:http");

const server = http.createServer((request, response) => {
  response.setHeader("Content-Type", "application/json");
  response.end(`${JSON.stringify({ path: request.url, up: process.uptime() })}\n`);
});

server.listen(process.env.PORT ?? 3000, process.env.HOST);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
