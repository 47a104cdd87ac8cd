/** The page of the API reference. Everything it loads comes from the edge; nothing in it is inline. */
export const indexPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Sluice API reference</title>
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="stylesheet" href="/docs/sluice.css">
  </head>
  <body>
    <div id="reference"></div>
    <noscript>The reference needs JavaScript. The document itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/sluice.js"></script>
  </body>
</html>
`;

/** Starts Swagger UI on the gateway's own document. */
export const startScript = `'use strict';
document.documentElement.classList.toggle('dark-mode', matchMedia('(prefers-color-scheme: dark)').matches);
window.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
`;

export const pageStyle = `body { margin: 0; }
html.dark-mode { background: #1c2022; }
.swagger-ui .info { margin: 24px 0; }
noscript { display: block; margin: 24px; font: 16px sans-serif; }
`;
