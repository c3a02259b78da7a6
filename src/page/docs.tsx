import './style/type.css';
import './style/colors.css';
import './style/page.css';
import './style/controls.css';
import './style/reference.css';
import { render } from 'preact';
import { Reference } from './reference/reference.js';

render(<Reference />, document.body);
