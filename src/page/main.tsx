import './style/type.css';
import './style/colors.css';
import './style/page.css';
import './style/controls.css';
import './style/text.css';
import { render } from 'preact';
import { Playground } from './view/playground.js';

render(<Playground />, document.body);
