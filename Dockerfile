# docker build -t kvdoctor . && docker run --rm --read-only --network none -v /var/lib/app/db:/data:ro kvdoctor scan /data
FROM node:22-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm pack && npm install -g --prefix /opt/kvdoctor --no-audit --no-fund ./kvdoctor-*.tgz

FROM node:22-bookworm-slim
# python3 holds the lock of a database during a repair
RUN apt-get update && apt-get install -y --no-install-recommends python3-minimal && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/kvdoctor /opt/kvdoctor
RUN ln -s /opt/kvdoctor/bin/kvdoctor /usr/local/bin/kvdoctor
# a scan needs to read and nothing else; give --user where the files belong to somebody who shares them with nobody
USER node
WORKDIR /data
ENTRYPOINT ["kvdoctor"]
CMD ["scan", "/data"]
