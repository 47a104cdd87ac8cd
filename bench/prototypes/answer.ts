/** The answer that every contender of the HTTP benchmark gives to `GET /v1/orders/{id}`. */
export interface Order {
  readonly id: string;
  readonly status: string;
  readonly symbol: string;
  readonly price: string;
  readonly size: string;
}

export function order(id: string): Order {
  return { id, status: 'open', symbol: 'BTCUSDT', price: '61837.63', size: '0.02' };
}

export const orderPath = '/v1/orders/42';
export const orderBody = JSON.stringify(order('42'));
