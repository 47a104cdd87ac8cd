/** Types of what the server has under `/vendor/lightweight-charts.js`. */
export * from 'lightweight-charts';
