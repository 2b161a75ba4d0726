# syntax=docker/dockerfile:1
FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts/install.mjs scripts/
RUN node scripts/install.mjs
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:26-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/gen/descriptors.binpb ./gen/descriptors.binpb
# Listens beyond the container, which needs API keys: `docker run -e API_KEYS=...`, or a file of your own in its place.
COPY --from=build /app/docker/flightgate.yaml /etc/flightgate/flightgate.yaml
ENV FLIGHTGATE_CONFIG=/etc/flightgate/flightgate.yaml
# DuckDB spills into .tmp of the working directory unless a source names another.
RUN mkdir .tmp && chown node .tmp
USER node
# 32010: Arrow Flight. 8080: /livez, /readyz, /metrics.
EXPOSE 32010 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; const at = '://127.0.0.1:' + (process.env.PORT || 8080) + '/readyz'; fetch('http' + at).catch(() => fetch('https' + at)).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["serve"]
