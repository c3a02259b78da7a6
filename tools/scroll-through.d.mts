export const SCROLL_THROUGH: string;
